"""The words and decisions of storage: what an asset is, how its write moves, where its bytes lie, which links hold."""
