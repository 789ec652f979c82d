"""What a business offers: services and the resources they need."""
