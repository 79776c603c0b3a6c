"""Why a network reads what it reads: the pixels that decide, what lies near, and a map of its hidden layer."""
