"""The only way out to addresses that people type: guarded, limited, and with their secrets sealed."""
