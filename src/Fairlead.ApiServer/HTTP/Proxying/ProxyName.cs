using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.HTTP.Proxying;

/// <summary>
/// The name in a proxy's path: <c>name</c>, <c>name:port</c>, or <c>scheme:name:port</c> with the port left empty for the default
/// (Kubernetes documentation: "Access Services Running on Clusters").
/// </summary>
internal sealed record ProxyName(string Scheme, string Name, string Port)
{
    /// <exception cref="ApiError">400: it has none of these forms.</exception>
    public static ProxyName Parse(string text) => text.Split(':') switch
    {
        [{ Length: > 0 } name] => new ProxyName("", name, ""),
        [{ Length: > 0 } name, var port] => new ProxyName("", name, port),
        [("" or "http" or "https") and var scheme, { Length: > 0 } name, var port] => new ProxyName(scheme, name, port),
        _ => throw ApiError.BadRequest($"invalid proxy request \"{text}\": name, name:port or scheme:name:port is wanted"),
    };
}
