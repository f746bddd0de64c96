using System.Net;

namespace Fairlead.ApiServer.HTTP.Tunnels;

/// <summary>The kubelet API of a node: whom it must be, and where it is to be found unless its agent holds a tunnel.</summary>
internal sealed record NodeEndPoint(string Name, IPEndPoint Address)
{
    /// <summary>As the host of a URL: connections are kept by it, and its certificate is checked against it.</summary>
    public string Authority => $"{Name}:{Address.Port}";

    public override string ToString() => $"{Name} ({Address})";
}
