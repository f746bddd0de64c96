using System.Net;
using Fairlead.Ingress.Routes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>A request that Kestrel has read.</summary>
internal sealed class KestrelRequest : IRequest
{
    /// <summary>Bytes; longer ones are 414.</summary>
    internal const int LongestTarget = 8 * 1024;

    /// <summary>Bytes of names and values together; longer ones are 431.</summary>
    internal const int LongestFields = 32 * 1024;
    private const int LongestId = 128;
    private readonly HttpContext _context;

    private KestrelRequest(HttpContext context, RequestTarget target)
    {
        _context = context;
        Target = target;
        Authority = context.Request.Host.Value ?? "";
        Host = HostName.Of(Authority);
        var client = context.Connection.RemoteIpAddress ?? IPAddress.None;
        Client = client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client;
        Id = Header("X-Request-ID") is { Length: > 0 and <= LongestId } id && !id.AsSpan().ContainsAnyExceptInRange('!', '~') ? id : Guid.NewGuid().ToString("N");
    }

    public string Method => _context.Request.Method;
    public string Host { get; }
    public string Authority { get; }
    public RequestTarget Target { get; }
    public bool IsHttps => _context.Request.IsHttps;
    public IPAddress Client { get; }
    public string Id { get; }
    public long? ContentLength => _context.Request.ContentLength;

    internal IHeaderDictionary Fields => _context.Request.Headers;

    /// <summary>Null for one that is refused with the status.</summary>
    internal static KestrelRequest? Of(HttpContext context, out int status)
    {
        var headers = context.Request.Headers;
        status = StatusCodes.Status414UriTooLong;
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (raw.Length > LongestTarget) return null;
        status = StatusCodes.Status431RequestHeaderFieldsTooLarge;
        if (Length(headers) > LongestFields) return null;
        status = StatusCodes.Status400BadRequest;
        // Kestrel takes a request with both lengths for a chunked one and renames the other field; RFC 9112, section 6.1, lets a server refuse what may be smuggling.
        if (headers.TransferEncoding.Count > 0 && headers.ContainsKey("X-Content-Length")) return null;
        // It takes any list of codings that ends in chunked, chunked twice included, whose body servers read differently (section 7).
        var codings = headers.TransferEncoding;
        if (codings.Count > 0 && (codings.Count > 1 || !"chunked".Equals(codings[0]?.Trim(), StringComparison.OrdinalIgnoreCase))) return null;
        // Kestrel lets control characters in a target pass, which a pod could take for the end of a line.
        if (raw.AsSpan().ContainsAnyExceptInRange('!', '~')) return null;
        return RequestTarget.Parse(raw) is { } target ? new KestrelRequest(context, target) : null;
    }

    private static int Length(IHeaderDictionary headers)
    {
        var length = 0;
        foreach (var (name, values) in headers)
        {
            foreach (var value in values) length += name.Length + (value?.Length ?? 0);
        }
        return length;
    }

    public string? Header(string name)
    {
        var values = _context.Request.Headers[name];
        return values.Count switch
        {
            0 => null,
            1 => values[0],
            _ => string.Join(name.Equals("Cookie", StringComparison.OrdinalIgnoreCase) ? "; " : ", ", values.ToArray()),
        };
    }
}

/// <summary>The answer's header fields.</summary>
internal readonly struct AnswerHeaders(IHeaderDictionary headers) : IHeaderSink
{
    public void Set(string name, string value) => headers[name] = value;

    public void Remove(string name) => headers.Remove(name);
}
