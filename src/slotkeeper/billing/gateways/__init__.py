"""Payment providers: one file for what each can do, one for each of them."""
