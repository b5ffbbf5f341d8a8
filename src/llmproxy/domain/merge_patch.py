"""JSON Merge Patch: RFC 7396, https://www.rfc-editor.org/rfc/rfc7396, section 2."""

from collections.abc import Mapping


def merge_patch(target: object, patch: object) -> object:
    """Return the target as the patch changes it; neither of them is touched.

    A member of null removes, an object is merged, anything else (an array too) replaces whole.
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
