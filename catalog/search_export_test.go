package catalog

// IndexDataset is what the sync calls.
var IndexDataset = indexDataset
