"""Secret references and where their values are found."""
