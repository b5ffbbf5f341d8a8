"""What is true about models, calls and money: standard library only, no await."""
