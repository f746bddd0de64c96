namespace Fairlead.Node.Runtime.Cri;

/// <summary>What a node has in a runtime that is not its own: noted where its endpoint is, so that it can be taken down without the agent.</summary>
internal static class EndpointLeftovers
{
    public static void Note(NodePaths paths, string socket) => File.WriteAllText(FileOf(paths), socket);

    /// <summary>Stops and removes the node's sandboxes, with all that is in them. Nothing happens where no endpoint was noted.</summary>
    public static async Task RemoveAsync(NodePaths paths, CancellationToken cancel)
    {
        if (!File.Exists(FileOf(paths))) return;
        using var client = new CriClient(await File.ReadAllTextAsync(FileOf(paths), cancel));
        try
        {
            foreach (var sandbox in await client.ListSandboxesAsync([new(CriRuntime.NodeLabel, paths.CgroupParent)], cancel))
            {
                await client.StopSandboxAsync(sandbox.Id, cancel);
                await client.RemoveSandboxAsync(sandbox.Id, cancel);
            }
        }
        catch (CriException e)
        {
            throw new IOException($"the pods of this node are not removed from the runtime at {client.Socket}: {e.Message}", e);
        }
    }

    private static string FileOf(NodePaths paths) => $"{paths.Root}/runtime-endpoint";
}
