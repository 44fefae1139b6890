"""Pictures and data sheets of the tasks, made from the tasks themselves."""
