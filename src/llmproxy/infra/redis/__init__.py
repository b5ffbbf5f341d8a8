"""A client of Redis: what several workers share. Imported only where REDIS_URL names one."""
