namespace Fairlead.Node.Streaming;

/// <summary>The streams of an exec (kubernetes/kubernetes, k8s.io/apimachinery remotecommand constants).</summary>
internal static class StreamChannel
{
    public const byte Input = 0;
    public const byte Output = 1;
    public const byte Errors = 2;

    /// <summary>How it ended, last of all.</summary>
    public const byte Result = 3;
    public const byte Resize = 4;

    /// <summary>v5: closes the channel whose number follows.</summary>
    public const byte Close = 255;
}

/// <summary>How messages carry streams: first their channel, as a byte (or, in base64, as a digit), then bytes.</summary>
/// <param name="Name">As negotiated; empty when the client named none.</param>
/// <param name="IsBase64">Text messages.</param>
/// <param name="HasStatus">The result is a Status in JSON (v4 and later); before, it is an error's text or nothing.</param>
/// <param name="CanClose">The client can close its input (v5).</param>
internal sealed record ChannelProtocol(string Name, bool IsBase64, bool HasStatus, bool CanClose)
{
    /// <summary>The best first.</summary>
    private static readonly ChannelProtocol[] Known =
    [
        new("v5.channel.k8s.io", IsBase64: false, HasStatus: true, CanClose: true),
        new("v4.channel.k8s.io", IsBase64: false, HasStatus: true, CanClose: false),
        new("v4.base64.channel.k8s.io", IsBase64: true, HasStatus: true, CanClose: false),
        new("channel.k8s.io", IsBase64: false, HasStatus: false, CanClose: false),
        new("base64.channel.k8s.io", IsBase64: true, HasStatus: false, CanClose: false),
    ];

    private static readonly ChannelProtocol Unnamed = new("", IsBase64: false, HasStatus: false, CanClose: false);

    /// <summary>The first of the client's that is known; null when it named only others.</summary>
    public static ChannelProtocol? Choose(IList<string> asked) =>
        asked.Count == 0 ? Unnamed : asked.Select(name => Array.Find(Known, known => known.Name == name)).FirstOrDefault(known => known is not null);
}
