"""Mock vendors: one model of a clinic and several vendors' dialects over it, written from the vendor's side."""
