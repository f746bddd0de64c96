using System.Net.Sockets;

namespace Fairlead.Cluster;

/// <summary>
/// One `up` at a time chooses a network on this machine. The turn is a name in the abstract socket namespace (unix(7)):
/// the kernel gives it to one process, and takes it back when that process ends, however it ends. No file is left.
/// </summary>
internal static class MachineTurn
{
    private const string Network = "\0fairlead-network";
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(2);

    /// <summary>Waits for the turn; disposing gives it on.</summary>
    public static Task<IDisposable> TakeAsync(TimeProvider time, CancellationToken cancel) => TakeAsync(Network, time, cancel);

    /// <summary>The turn of those who take a cluster down, or start again what ended of it. Whoever needs both takes this one first.</summary>
    public static Task<IDisposable> TakeAsync(ClusterPaths cluster, TimeProvider time, CancellationToken cancel) => TakeAsync($"\0fairlead-cluster-{cluster.Name}", time, cancel);

    private static async Task<IDisposable> TakeAsync(string name, TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Bind(new UnixDomainSocketEndPoint(name));
                return socket;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                socket.Dispose();
                await Task.Delay(PollEvery, time, cancel);
            }
        }
    }
}
