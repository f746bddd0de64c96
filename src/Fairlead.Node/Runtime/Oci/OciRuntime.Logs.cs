namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    /// <summary>conmon's word for it on its control pipe; two numbers of a terminal's size follow, which mean nothing here.</summary>
    private static readonly byte[] ReopenLogs = "2 0 0\n"u8.ToArray();

    public async Task ReopenLogAsync(string podUid, string containerId, CancellationToken cancel)
    {
        if (_pods.Find(podUid, containerId) is not { Phase: ContainerPhase.Running }) return;
        var files = FilesOf(podUid, containerId);
        // A pipe that nobody reads any more would hold its opener up (fifo(7)).
        if (!IsSupervised(files)) return;
        await using var control = new FileStream($"{files.Folder}/ctl", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0);
        await control.WriteAsync(ReopenLogs, cancel);
        await control.FlushAsync(cancel);
    }
}
