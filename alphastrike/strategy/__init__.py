"""Stage 6: from a forecast to the position wanted. Pure rules over plain numbers."""
