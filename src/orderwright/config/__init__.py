"""What a user configures: single values and a book's settings (values.py), and the service's configuration file.

    values.py     options of the command line, a book's settings in JSON; all that is imported with this package
    schema.py     the keys of the configuration, with unit, default and environment variable (pydantic)
    loading.py    file, ${VARIABLES} and environment put together, each value with its origin
    checking.py   what keys must say of one another; what a later version brings; the production checklist
    mapping.py    from the configuration to the core's words: settings, accounts, the log

The modules of the service's configuration are imported where they are used: pydantic costs a tenth of a second.
"""

from orderwright.config.values import (
    below,
    deposits_of,
    load_settings,
    not_negative,
    one_of,
    rate_of,
    share_of,
)

__all__ = ["below", "deposits_of", "load_settings", "not_negative", "one_of", "rate_of", "share_of"]
