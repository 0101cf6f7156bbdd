"""What goes wrong with an attempt on its node."""


class Failure(Exception):
    def __init__(self, cause, message):
        super().__init__(message)
        self.cause = cause
