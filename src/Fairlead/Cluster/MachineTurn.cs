using System.Net.Sockets;

namespace Fairlead.Cluster;

/// <summary>
/// One `up` at a time chooses a network on this machine. The turn is a name in the abstract socket namespace (unix(7)):
/// the kernel gives it to one process, and takes it back when that process ends, however it ends. No file is left.
/// </summary>
internal static class MachineTurn
{
    private const string Name = "\0fairlead-network";
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(2);

    /// <summary>Waits for the turn; disposing gives it on.</summary>
    public static async Task<IDisposable> TakeAsync(TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Bind(new UnixDomainSocketEndPoint(Name));
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
