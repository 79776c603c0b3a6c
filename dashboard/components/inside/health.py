def show_health(run, digits, inside):
    pass
