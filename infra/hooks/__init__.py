"""What azd runs after it has provisioned and deployed."""
