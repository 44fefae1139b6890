"""Stand-in for OmegaConf: nested mappings whose keys are attributes."""


class DictConfig(dict):
    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class OmegaConf:
    @staticmethod
    def create(value):
        if isinstance(value, dict):
            return DictConfig({key: OmegaConf.create(item) for key, item in value.items()})
        return [OmegaConf.create(item) for item in value] if isinstance(value, list) else value
