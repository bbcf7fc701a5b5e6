"""Loading whatever lies in a package, so that a new file is found without being named anywhere."""

import importlib
import pkgutil

from alphastrike.model.errors import AlphaStrikeError, ConfigurationError


def load_all(package: str, what: str) -> None:
    """Import every module under a package, folders within it too.

    Args:
        package: dotted name.
        what: that the modules declare, for the one line of an error.

    Raises:
        ConfigurationError: a module cannot be loaded. What the program itself raises passes through.
    """
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        try:
            importlib.import_module(module.name)
        except AlphaStrikeError:
            raise
        except Exception as error:  # a user's file may hold anything
            raise ConfigurationError(
                f"the {what} in {module.name} cannot be loaded: {error!r}. Mend or remove the file."
            ) from error
