import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs

from fashion_mocluster.clustering import scores
from fashion_mocluster.clustering.n_clusters import choose
from fashion_mocluster.errors import InputError
