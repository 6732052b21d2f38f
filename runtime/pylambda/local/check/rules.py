"""Every rule, in the order in which a person reads what they find."""

from pylambda.local.check import rules_files, rules_handler, rules_image, rules_import, rules_native, rules_secrets

RULES = (
    *rules_image.RULES,
    *rules_native.RULES,
    *rules_handler.RULES,
    *rules_import.RULES,
    *rules_files.RULES,
    *rules_secrets.RULES,
)
