"""The three movements every call shares: admit, dispatch, settle."""
