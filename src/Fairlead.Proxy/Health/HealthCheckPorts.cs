using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Kube;
using Fairlead.Kube.Health;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Proxy.Health;

/// <summary>What a health check port answers.</summary>
/// <param name="LocalEndpoints">Ready endpoints on this node.</param>
internal sealed record HealthCheck(ushort Port, int LocalEndpoints);

/// <summary>
/// Answers load balancers that ask, on spec.healthCheckNodePort, whether this node has endpoints of a service with
/// externalTrafficPolicy Local: 200 if it has and the proxy is healthy, else 503, with kube-proxy's body
/// (https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#preserving-the-client-source-ip).
/// For one caller at a time.
/// </summary>
/// <param name="listen">Makes a listening socket, in the node's network namespace.</param>
internal sealed class HealthCheckPorts(ProxyStatus status, Func<IPEndPoint, Socket> listen) : IAsyncDisposable
{
    private readonly Dictionary<ObjectKey, Server> _servers = [];

    /// <summary>What a service's port answers from now on; null: it has none.</summary>
    /// <returns>Why the port cannot be listened on; null when it is.</returns>
    internal async Task<string?> SetAsync(ObjectKey service, HealthCheck? check)
    {
        if (_servers.TryGetValue(service, out Server? server))
        {
            if (server.Check.Port == check?.Port)
            {
                server.Check = check;
                return null;
            }
            _servers.Remove(service);
            await server.DisposeAsync();
        }
        if (check is null)
        {
            return null;
        }
        try
        {
            _servers[service] = await Server.StartAsync(service, check, status, listen);
            return null;
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            return failure.Message;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Server server in _servers.Values)
        {
            await server.DisposeAsync();
        }
    }

    private sealed class Server(HealthCheck check) : IAsyncDisposable
    {
        private HealthCheck _check = check;
        private StatusServer? _http;

        internal HealthCheck Check
        {
            get => Volatile.Read(ref _check);
            set => Volatile.Write(ref _check, value);
        }

        internal static async Task<Server> StartAsync(ObjectKey service, HealthCheck check, ProxyStatus status, Func<IPEndPoint, Socket> listen)
        {
            var server = new Server(check);
            server._http = await StatusServer.StartAsync(
                [new IPEndPoint(IPAddress.Any, check.Port)], context => server.AnswerAsync(context, service, status), NullLoggerFactory.Instance, listen);
            return server;
        }

        public ValueTask DisposeAsync() => _http?.DisposeAsync() ?? ValueTask.CompletedTask;

        private async Task AnswerAsync(HttpContext context, ObjectKey service, ProxyStatus status)
        {
            int count = Check.LocalEndpoints;
            bool healthy = status.IsHealthy;
            HttpResponse response = context.Response;
            response.StatusCode = count > 0 && healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            response.ContentType = "application/json";
            response.Headers["X-Content-Type-Options"] = "nosniff";
            response.Headers["X-Load-Balancing-Endpoint-Weight"] = count.ToString(System.Globalization.CultureInfo.InvariantCulture);
            // Names of objects need no escape in JSON.
            string body = $$"""
                {
                	"service": {
                		"namespace": "{{service.Namespace}}",
                		"name": "{{service.Name}}"
                	},
                	"localEndpoints": {{count}},
                	"serviceProxyHealthy": {{(healthy ? "true" : "false")}}
                }
                """;
            await response.Body.WriteAsync(Encoding.UTF8.GetBytes(body), context.RequestAborted);
        }
    }
}
