"""All parameters of the project, completed and checked as one before anything runs."""

from fashion_mocluster.parameters.completion import PATHS, complete
from fashion_mocluster.parameters.errors import ParameterError
from fashion_mocluster.parameters.project import AUTO, BEST, ProjectParameters, check_parameters
