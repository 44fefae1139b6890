import importlib.util
import os


def name_to_class(task_name, tasks_py_folder):
    class_name = "".join([w[0].upper() + w[1:] for w in task_name.split("_")])
    spec = importlib.util.spec_from_file_location(task_name, os.path.join(tasks_py_folder, task_name) + ".py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError:
        return None
    return getattr(module, class_name)
