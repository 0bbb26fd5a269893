"""Results kept in a folder, under keys of what was asked; hashes of the code that made them."""

from nlbook.parallel.store.code_tree import code_tree_hash
from nlbook.parallel.store.files import read_header, write_atomically
from nlbook.parallel.store.folder import Store, as_result, open_store
from nlbook.parallel.store.keys import check_tasks, function_name, task_key

__all__ = [
    "Store",
    "as_result",
    "check_tasks",
    "code_tree_hash",
    "function_name",
    "open_store",
    "read_header",
    "task_key",
    "write_atomically",
]
