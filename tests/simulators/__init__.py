"""One program per vendor that speaks its real wire over a real socket."""
