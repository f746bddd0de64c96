using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Net;
using Fairlead.Kube.Client;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Node.Images.Registry;

/// <summary>One registry, or a mirror of it, over HTTP (OCI distribution specification).</summary>
internal sealed class RegistryConnection : IDisposable
{
    /// <summary>TLS in it.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(15);
    private readonly RegistryEndpoint _endpoint;
    private readonly ImageReference _image;
    private readonly HttpMessageInvoker _http;
    private readonly HttpClient _client;
    private readonly RegistryAuthorization _authorization;

    /// <param name="network">Where connections are made from; null: this process's own network.</param>
    /// <param name="longestSilence">Until an answer begins.</param>
    public RegistryConnection(RegistryEndpoint endpoint, ImageReference image, RegistryCredential? credential, NetworkNamespace? network, TimeSpan longestSilence, TimeProvider time)
    {
        (_endpoint, _image) = (endpoint, image);
        var handler = new SocketsHttpHandler { ConnectTimeout = ConnectTimeout, UseCookies = false };
        if (network is not null) handler.ConnectCallback = (context, cancel) => ConnectAsync(network, context.DnsEndPoint, cancel);
        if (endpoint.Insecure) handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        else if (endpoint.Url.StartsWith("https:", StringComparison.Ordinal)) handler.SslOptions.CertificateChainPolicy = MachineTrust.ChainPolicy();
        _http = _client = new HttpClient(new AnswerDeadline(handler, longestSilence, time)) { Timeout = Timeout.InfiniteTimeSpan };
        _authorization = new RegistryAuthorization(_http, image, credential);
    }

    /// <summary>A manifest's or a blob's answer, with its status as it is but for 401, which is answered once.</summary>
    /// <param name="kind"><c>manifests</c> or <c>blobs</c>.</param>
    /// <param name="from">First byte that is wanted.</param>
    /// <exception cref="ImageException">The registry cannot be reached.</exception>
    public async Task<HttpResponseMessage> GetAsync(string kind, string selector, IEnumerable<string> accept, long from, CancellationToken cancel)
    {
        var url = $"{_endpoint.Url}/v2/{_image.Repository}/{kind}/{selector}{(_endpoint.MirrorOf is { } registry ? $"?ns={registry}" : "")}";
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            foreach (var type in accept) request.Headers.Accept.ParseAdd(type);
            request.Headers.UserAgent.ParseAdd("fairlead");
            if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
            var tried = request.Headers.Authorization = _authorization.Value;
            HttpResponseMessage answer;
            try
            {
                answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            }
            catch (HttpRequestException e)
            {
                throw new ImageException($"failed to do request: Get \"{url}\": {Words(e)}", e);
            }
            catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
            {
                // Nobody cancelled: the connection took too long, which is no other failure than one that is refused.
                throw new ImageException($"failed to do request: Get \"{url}\": dial tcp {new Uri(url).Authority}: i/o timeout", new HttpRequestException(e.Message, e));
            }
            if (answer.StatusCode != HttpStatusCode.Unauthorized) return answer;
            using (answer)
            {
                if (!await AnswerAsync(answer, tried, cancel))
                    throw new ImageException($"pull access denied, repository does not exist or may require authorization: unexpected status from GET request to {url}: 401 Unauthorized");
            }
        }
    }

    public void Dispose()
    {
        _authorization.Dispose();
        _client.Dispose();
    }

    private async Task<bool> AnswerAsync(HttpResponseMessage refusal, AuthenticationHeaderValue? tried, CancellationToken cancel)
    {
        try
        {
            // A token that was refused is not exchanged for another: it would be refused as well.
            return tried is null && await _authorization.AnswerAsync(refusal, tried, cancel);
        }
        catch (HttpRequestException e)
        {
            throw new ImageException($"failed to authorize: {Words(e)}", e);
        }
    }

    /// <summary>Also the name is looked up there: a node's own network may reach no resolver.</summary>
    private static async ValueTask<Stream> ConnectAsync(NetworkNamespace network, DnsEndPoint target, CancellationToken cancel)
    {
        var addresses = IPAddress.TryParse(target.Host, out var literal)
            ? [literal]
            : await Task.Run(() => network.Run(() => Dns.GetHostAddresses(target.Host)), cancel).WaitAsync(cancel);
        SocketException? last = null;
        foreach (var address in addresses)
        {
            try
            {
                return new NetworkStream(await network.ConnectTcpAsync(new IPEndPoint(address, target.Port), cancel), ownsSocket: true);
            }
            catch (SocketException e)
            {
                last = e;
            }
        }
        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }

    private static string Words(HttpRequestException e)
    {
        Exception innermost = e;
        while (innermost.InnerException is { } inner) innermost = inner;
        return innermost is SocketException socket ? socket.Message.ToLowerInvariant() : innermost.Message;
    }
}
