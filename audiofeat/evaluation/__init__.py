"""How right is an analysis? Labels of a corpus, answers of ours and of peers, the field's metrics."""
