using System.Globalization;
using Fairlead.Kube.Grpc;
using Fairlead.Kube.Protobuf;

namespace Fairlead.Node.Probes;

/// <summary>
/// One call of grpc.health.v1.Health/Check over plain HTTP/2 (gRPC documentation: "GRPC Health Checking Protocol").
/// </summary>
internal static class GrpcHealth
{
    private const int Serving = 1;
    private static readonly string[] Statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

    /// <param name="service">Whose health; empty: the whole server's.</param>
    public static async Task<ProbeVerdict> CheckAsync(string host, int port, string service, CancellationToken cancel)
    {
        var address = $"{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}";
        // A connection of its own each time: a probe must not live on one from before.
        using var channel = GrpcChannel.Of(new Uri($"http://{address}"), "kube-probe/1.36");
        try
        {
            return Judge(ReadStatus(await channel.CallAsync("grpc.health.v1.Health/Check", WriteRequest(service), cancel)));
        }
        catch (GrpcException e) when (e.Code == GrpcCode.Unimplemented)
        {
            return ProbeVerdict.Failed($"this server does not implement the grpc health protocol (grpc.health.v1.Health): {e.Message}");
        }
        catch (GrpcException e) when (e is { Code: GrpcCode.Unavailable, InnerException: HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } })
        {
            return ProbeVerdict.Failed($"timeout: failed to connect service \"{address}\": connect: {e.Message.ToLowerInvariant()}");
        }
        catch (GrpcException e)
        {
            return ProbeVerdict.Failed($"error: health rpc probe failed: rpc error: code = {e.Code} desc = {e.Message}");
        }
    }

    private static ProbeVerdict Judge(int? health) => health switch
    {
        null => ProbeVerdict.Failed("error: health rpc probe failed: the answer cannot be read"),
        Serving => ProbeVerdict.Passed,
        _ => ProbeVerdict.Failed($"service unhealthy (responded with \"{(health < Statuses.Length ? Statuses[health.Value] : health.Value.ToString(CultureInfo.InvariantCulture))}\")"),
    };

    /// <summary>HealthCheckRequest: field 1, the service's name.</summary>
    internal static byte[] WriteRequest(string service) => WireMessage.Write(message => message.Optional(1, service));

    /// <summary>HealthCheckResponse's field 1; 0 where it is left out; null for what is no such message.</summary>
    internal static int? ReadStatus(ReadOnlySpan<byte> message)
    {
        var status = 0;
        var reader = new WireReader(message);
        try
        {
            while (reader.Next(out var number, out var type))
            {
                if (number != 1 || type != WireType.Varint) reader.Skip(type);
                else if (reader.Varint() is <= int.MaxValue and var value) status = (int)value;
                else return null;
            }
            return status;
        }
        catch (WireException)
        {
            return null;
        }
    }
}
