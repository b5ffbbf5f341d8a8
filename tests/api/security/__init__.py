"""What stands between the gateway and those who mean it no good: TLS, origins, headers, proxies."""
