using System.Net.Sockets;
using System.Text;
using k8s.Models;

namespace Fairlead.Node.Probes;

/// <summary>
/// One GET, as kubelet makes it: a redirect within the host is followed, ten of them at most; one that leads elsewhere is not, and
/// counts as well with a warning.
/// </summary>
internal static class HttpProbe
{
    private const int MostRequests = 10;
    private const int LongestBody = 10 * 1024;

    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.Zero,
        // The certificate is the container's own affair: kubelet does not check it either.
        SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null },
    });

    public static async Task<ProbeVerdict> RunAsync(V1HTTPGetAction get, ProbeTarget target, CancellationToken cancel)
    {
        if (target.Port(get.Port) is not { } port) return ProbeVerdict.Failed($"couldn't find port: {get.Port.Value}");
        var host = get.Host is { Length: > 0 } given ? given : target.Address;
        var path = get.Path is { Length: > 0 } asked ? asked : "/";
        var url = $"{(get.Scheme ?? "HTTP").ToLowerInvariant()}://{(host.Contains(':') ? $"[{host}]" : host)}:{port}{(path.StartsWith('/') ? "" : "/")}{path}";
        try
        {
            return await FollowAsync(new Uri(url), get, cancel);
        }
        catch (HttpRequestException e)
        {
            var why = e.InnerException is SocketException socket ? $"dial tcp {host}:{port}: connect: {socket.Message.ToLowerInvariant()}" : e.Message;
            return ProbeVerdict.Failed($"Get \"{url}\": {why}");
        }
    }

    private static async Task<ProbeVerdict> FollowAsync(Uri first, V1HTTPGetAction get, CancellationToken cancel)
    {
        var (url, keepsHost) = (first, true);
        for (var requests = 1; ; requests++)
        {
            using var request = Request(url, get, keepsHost);
            using var response = await Http.SendAsync(request, cancel);
            var code = (int)response.StatusCode;
            if (code is < 200 or >= 400) return ProbeVerdict.Failed($"HTTP probe failed with statuscode: {code}");
            if (code < 300) return ProbeVerdict.Passed;
            if (response.Headers.Location is not { } location || new Uri(url, location) is var next && next.Host != first.Host)
                return ProbeVerdict.Warned($"Probe terminated redirects, Response body: {await ReadAsync(response, cancel)}");
            if (requests == MostRequests) return ProbeVerdict.Failed($"Get \"{next}\": stopped after {MostRequests} redirects");
            // A host that was asked for by header is asked for again where the redirect names none.
            (url, keepsHost) = (next, keepsHost && !location.IsAbsoluteUri);
        }
    }

    private static HttpRequestMessage Request(Uri url, V1HTTPGetAction get, bool withHost)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.ConnectionClose = true;
        request.Headers.TryAddWithoutValidation("User-Agent", "kube-probe/1.36");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        foreach (var header in get.HttpHeaders ?? [])
        {
            if (!header.Name.Equals("Host", StringComparison.OrdinalIgnoreCase)) request.Headers.TryAddWithoutValidation(header.Name, header.Value);
            else if (withHost) request.Headers.Host = header.Value;
        }
        return request;
    }

    private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var buffer = new byte[LongestBody];
        await using var body = await response.Content.ReadAsStreamAsync(cancel);
        return Encoding.UTF8.GetString(buffer, 0, await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancel));
    }
}
