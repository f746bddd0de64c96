using System.Globalization;
using System.Net.Sockets;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy;

/// <summary>Where header fields are set, whatever carries them.</summary>
internal interface IHeaderSink
{
    /// <summary>In place of any that is there.</summary>
    void Set(string name, string value);

    void Remove(string name);
}

/// <summary>What pods are told of the client: the fields of ingress-nginx, and RFC 7239's Forwarded.</summary>
/// <param name="httpPort">By which clients reach this proxy.</param>
/// <param name="trust">What the client says of clients before it is kept: this proxy stands behind another.</param>
internal sealed class ForwardedHeaders(int httpPort, int httpsPort, bool trust)
{
    private readonly string _httpPort = httpPort.ToString(CultureInfo.InvariantCulture);
    private readonly string _httpsPort = httpsPort.ToString(CultureInfo.InvariantCulture);

    internal void Write<TSink>(TSink sink, Route route, IRequest request) where TSink : IHeaderSink
    {
        var client = request.Client.ToString();
        var before = request.Header("X-Forwarded-For");
        var scheme = request.IsHttps ? "https" : "http";
        var forwarded = $"for={(request.Client.AddressFamily == AddressFamily.InterNetworkV6 ? $"\"[{client}]\"" : client)};host={Quoted(request.Authority)};proto={scheme}";
        if (trust && before is not null)
        {
            sink.Set("X-Forwarded-For", $"{before}, {client}");
            sink.Set("X-Real-IP", before.Split(',')[0].Trim());
            sink.Set("Forwarded", request.Header("Forwarded") is { } earlier ? $"{earlier}, {forwarded}" : forwarded);
        }
        else
        {
            sink.Set("X-Forwarded-For", client);
            sink.Set("X-Real-IP", client);
            sink.Set("Forwarded", forwarded);
            if (before is not null) sink.Set("X-Original-Forwarded-For", before);
        }
        var seen = trust ? request.Header("X-Forwarded-Proto") ?? scheme : scheme;
        sink.Set("X-Forwarded-Host", trust ? request.Header("X-Forwarded-Host") ?? request.Authority : request.Authority);
        sink.Set("X-Forwarded-Port", trust && request.Header("X-Forwarded-Port") is { } port ? port : request.IsHttps ? _httpsPort : _httpPort);
        sink.Set("X-Forwarded-Proto", seen);
        sink.Set("X-Forwarded-Scheme", seen);
        sink.Set("X-Scheme", scheme);
        sink.Set("X-Request-ID", request.Id);
        if (route.Options.ForwardedPrefix is { } prefix) sink.Set("X-Forwarded-Prefix", prefix);
        // A client cannot pretend to have passed a check that happens here, nor have a pod believe in a proxy variable (httpoxy).
        sink.Remove("Proxy");
        if (route.Options.ExternalAuth is not { } auth) return;
        foreach (var name in auth.ResponseHeaders) sink.Remove(name);
    }

    // RFC 7239, section 4: a value that is no token is quoted.
    private static string Quoted(string authority) =>
        authority.AsSpan().ContainsAny(":[]") ? $"\"{authority}\"" : authority;
}
