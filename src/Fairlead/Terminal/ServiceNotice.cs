using System.Net.Sockets;
using System.Text;

namespace Fairlead.Terminal;

/// <summary>Tells systemd that a service is ready (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names. Without one, nothing.</summary>
internal sealed class ServiceNotice
{
    private const string Variable = "NOTIFY_SOCKET";
    private readonly string? _path;

    private ServiceNotice(string? path) => _path = path;

    /// <summary>Takes the socket's name out of the environment: runc, too, would speak to it, and wait for each container to do so.</summary>
    public static ServiceNotice Take()
    {
        var notice = new ServiceNotice(Environment.GetEnvironmentVariable(Variable));
        Environment.SetEnvironmentVariable(Variable, null);
        return notice;
    }

    public void Ready(string status)
    {
        if (_path is not { Length: > 1 } path) return;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            // A name in the abstract namespace is written with @ for its zero byte.
            socket.SendTo(Encoding.UTF8.GetBytes($"READY=1\nSTATUS={status}"), new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path));
        }
        catch (SocketException e)
        {
            throw new UserException($"systemd's socket {path} (NOTIFY_SOCKET) takes no message: {e.Message}");
        }
    }
}
