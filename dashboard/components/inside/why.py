def show_why(run, digits, inside):
    pass
