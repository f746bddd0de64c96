using System.Globalization;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>A line for a question and its answer, as CoreDNS' plugin log has it: who, id, question, transport, sizes, code, flags, time.</summary>
internal sealed class QueryLog(QueryLogOptions options, ILogger log, TimeProvider time)
{
    private static readonly (ushort Bit, string Name)[] s_flags =
    [
        (HeaderFlags.Response, "qr"), (HeaderFlags.Authoritative, "aa"), (HeaderFlags.Truncated, "tc"), (HeaderFlags.RecursionDesired, "rd"),
        (HeaderFlags.RecursionAvailable, "ra"), (HeaderFlags.AuthenticData, "ad"), (HeaderFlags.CheckingDisabled, "cd"),
    ];

    private readonly byte[][] _domains = [.. options.Domains.Select(domain => DnsName.Parse(domain)!)];

    internal bool Takes(in Query query)
    {
        foreach (byte[] domain in _domains)
        {
            if (query.IsBelow(domain))
            {
                return true;
            }
        }
        return false;
    }

    internal void Write(in Client client, in Query query, int messageLength, ReadOnlySpan<byte> response)
    {
        if ((Class(response) & options.Classes) != 0 && log.IsEnabled(LogLevel.Information))
        {
            QueryLines.Asked(log, Line(client, query, messageLength, response));
        }
    }

    /// <summary>10.244.0.7:41234 - 4660 "A IN kubia.default.svc.cluster.local. udp 54 false 1232" NOERROR qr,aa,rd,ra 81 0.000021s.</summary>
    internal string Line(in Client client, in Query query, int messageLength, ReadOnlySpan<byte> response)
    {
        var reader = new MessageReader(response);
        reader.TryReadHeader(out Header header);
        ushort flags = header.Flags;
        string names = string.Join(',', s_flags.Where(flag => (flags & flag.Bit) != 0).Select(flag => flag.Name));
        string type = query.Type.ToString().ToUpperInvariant();
        string question = query.QuestionLength == 0 ? "- - -" : $"{(char.IsDigit(type[0]) ? "TYPE" : "")}{type} {Class(query.Class)} {DnsName.ToText(query.Name)}";
        return string.Create(CultureInfo.InvariantCulture,
            $"{client.EndPoint()} - {query.Id} \"{question} {(client.IsUdp ? "udp" : "tcp")} {messageLength} {(query.DnssecOk ? "true" : "false")} {query.UdpSize}\" "
            + $"{CodeName(header.Code)} {names} {response.Length} {time.GetElapsedTime(client.ReceivedAt).TotalSeconds:0.000000}s");
    }

    private static AnswerClasses Class(ReadOnlySpan<byte> response)
    {
        var reader = new MessageReader(response);
        reader.TryReadHeader(out Header header);
        return (header.Code, header.Answers) switch
        {
            (ResponseCode.NoError, > 0) => AnswerClasses.Success,
            (ResponseCode.NoError or ResponseCode.NoSuchName, _) => AnswerClasses.Denial,
            _ => AnswerClasses.Error,
        };
    }

    private static string Class(ushort value) => value switch { Limits.InternetClass => "IN", 3 => "CH", Limits.AnyClass => "ANY", _ => $"CLASS{value}" };

    private static string CodeName(ResponseCode code) => code switch
    {
        ResponseCode.NoError => "NOERROR",
        ResponseCode.FormatError => "FORMERR",
        ResponseCode.ServerFailure => "SERVFAIL",
        ResponseCode.NoSuchName => "NXDOMAIN",
        ResponseCode.NotImplemented => "NOTIMP",
        ResponseCode.Refused => "REFUSED",
        _ => $"RCODE{(int)code}",
    };
}

internal static partial class QueryLines
{
    [LoggerMessage(7210, LogLevel.Information, "{Line}")]
    internal static partial void Asked(ILogger logger, string line);
}
