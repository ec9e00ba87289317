"""Work on the workers of a dask cluster: on other machines, or on processes of this one.

    with open_cluster("tcp://scheduler:8786") as cluster:  # or "local"
        for result in cluster.map(function, arguments, label="attribute"):
            ...

`map` gives the results in the order of the arguments. Functions travel by their names, so that they are those of a
module, or partials of them; arguments and results should be small, such as paths: what is large, a task writes to a
place that every worker reaches. A task may run again, or twice at once, where a worker is lost: it must do the same
each time, and put files in their place whole (`klavnb.files.replace_file`).

`opening` finds the workers, `alike` says whether they are fit, `mapping` hands the work out.
"""

from klavnb.cluster.mapping import Cluster
from klavnb.cluster.opening import open_cluster

__all__ = ["Cluster", "open_cluster"]
