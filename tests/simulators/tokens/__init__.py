"""What gives out access tokens: Google's and Microsoft's endpoints, by vendor."""
