"""What a home needs to work, looked at without changing anything: ``attribution doctor``."""
