using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Xunit;
using static Fairlead.System.IngressCalls;

namespace Fairlead.System;

/// <summary>Routes, endpoints and certificates change while clients ask: no request is lost, no connection ends.</summary>
public sealed class IngressChangeTests(Cluster cluster)
{
    private const int Rounds = 4;
    private readonly ConcurrentDictionary<string, int> _answers = new();

    [Fact]
    public async Task EverythingChanges_UnderLoad_AndNothingIsLost()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.WaitForEndpointsAsync("kubia", 3);
        var host = $"{kubectl.Namespace}.example.com";
        var folder = Directory.CreateTempSubdirectory("fairlead-change-").FullName;
        await CertifyAsync(kubectl, folder, host, "certificate-0");
        await kubectl.ApplyAsync(Manifest("main", host, "/"));
        var address = await AddressAsync(kubectl, "main");
        await ServesAsync(address, $"http://{host}/");
        await Until.AsyncHolds(() => SubjectAsync(address, host), subject => subject == "CN = certificate-0", "the first certificate");

        using var stop = new CancellationTokenSource();
        Task[] clients =
        [
            .. Enumerable.Range(0, 3).Select(_ => KeepAskingAsync("clear", host, address, isTls: false, stop.Token)),
            .. Enumerable.Range(0, 3).Select(_ => KeepAskingAsync("TLS", host, address, isTls: true, stop.Token)),
            .. Enumerable.Range(0, 2).Select(_ => KeepConnectingAsync(host, address, stop.Token)),
            KeepAskingByHttp2Async(host, address, stop.Token),
        ];
        for (var round = 1; round <= Rounds; round++)
        {
            await CertifyAsync(kubectl, folder, host, $"certificate-{round}");
            await kubectl.RunAsync("annotate", "ingress", "main", "--overwrite", $"nginx.ingress.kubernetes.io/proxy-read-timeout={60 + round}");
            await kubectl.ApplyAsync(Manifest($"beside-{round}", host, $"/beside-{round}"));
            var pods = round % 2 == 0 ? 1 : 4;
            await kubectl.RunAsync("scale", "rc", "kubia", $"--replicas={pods}");
            await kubectl.WaitForEndpointsAsync("kubia", pods);
            var subject = $"CN = certificate-{round}";
            await Until.AsyncHolds(() => SubjectAsync(address, host), seen => seen == subject, subject);
            await ServesAsync(address, $"https://{host}/beside-{round}");
        }
        await stop.CancelAsync();
        await Task.WhenAll(clients);

        Assert.Equal(["200 TLS", "200 clear", "200 connecting", "200 h2"], _answers.Keys.Order(StringComparer.Ordinal));
        Assert.All(_answers.Values, count => Assert.True(count > 20, $"{count} answers"));
        Directory.Delete(folder, recursive: true);
    }

    private static async Task CertifyAsync(Kubectl kubectl, string folder, string host, string name)
    {
        await MakeCertificateAsync(folder, name, host);
        await PutSecretAsync(kubectl, "changing", folder);
    }

    private void Count(string what, string status) => _answers.AddOrUpdate($"{status} {what}", 1, (_, count) => count + 1);

    /// <summary>One request after the other, all on one connection, which nobody makes anew.</summary>
    private async Task KeepAskingAsync(string what, string host, string address, bool isTls, CancellationToken stop)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(address, isTls ? 443 : 80, CancellationToken.None);
            await using var stream = isTls ? await SecureAsync(client, host) : client.GetStream();
            while (!stop.IsCancellationRequested) Count(what, await AskAsync(stream, host, "keep-alive"));
        }
        catch (IOException e)
        {
            Count(what, e.Message);
        }
    }

    /// <summary>Each request on a connection of its own, with a handshake.</summary>
    private async Task KeepConnectingAsync(string host, string address, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(address, 443, CancellationToken.None);
                await using var stream = await SecureAsync(client, host);
                Count("connecting", await AskAsync(stream, host, "close"));
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                Count("connecting", e.Message);
            }
        }
    }

    private async Task KeepAskingByHttp2Async(string host, string address, CancellationToken stop)
    {
#pragma warning disable CA5359 // Its certificate is its own.
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
#pragma warning restore CA5359
        while (!stop.IsCancellationRequested)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"https://{address}/hostname") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = host } };
            try
            {
                using var answer = await http.SendAsync(request, CancellationToken.None);
                Count("h2", ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture));
            }
            catch (HttpRequestException e)
            {
                Count("h2", e.Message);
            }
        }
    }

#pragma warning disable CA5359 // Its certificate is its own.
    private static async Task<Stream> SecureAsync(TcpClient client, string host)
    {
        var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(host);
        return tls;
    }
#pragma warning restore CA5359

    /// <summary>The status of one answer, read to its end.</summary>
    private static async Task<string> AskAsync(Stream stream, string host, string connection)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /hostname HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n"));
        var buffer = new byte[4096];
        var filled = 0;
        while (true)
        {
            var count = await stream.ReadAsync(buffer.AsMemory(filled));
            if (count == 0) throw new IOException($"the connection ended after: {Encoding.ASCII.GetString(buffer, 0, filled)}");
            filled += count;
            var text = Encoding.ASCII.GetString(buffer, 0, filled);
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end < 0) continue;
            var length = text[..end].Split("\r\n").First(line => line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase))["Content-Length: ".Length..];
            if (filled >= end + 4 + int.Parse(length, CultureInfo.InvariantCulture)) return text.Split(' ')[1];
        }
    }

    private static string Manifest(string name, string host, string path) => $$"""
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: { name: {{name}}, annotations: { nginx.ingress.kubernetes.io/ssl-redirect: "false" } }
        spec:
          tls: [ { hosts: [ {{host}} ], secretName: changing } ]
          rules: [ { host: {{host}}, http: { paths: [ { path: {{path}}, pathType: Prefix, backend: { service: { name: kubia, port: { number: 80 } } } } ] } } ]
        """;
}
