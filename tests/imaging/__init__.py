"""Pictures, judged by what they show."""
