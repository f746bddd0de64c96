using CsCheck;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Unit.Dns.Zone;
using Xunit;

namespace Fairlead.Unit.Dns.Wire;

/// <summary>What is no ordinary question is answered as the RFCs say, and never throws.</summary>
public sealed class QueryTests
{
    public static TheoryData<string, byte[], string> Refused => new()
    {
        { "an opcode other than QUERY (RFC 1035 4.1.1)", Ask.Query("a", flags: 0x2000), "NotImplemented ? a. A" },
        { "a class that is not served", Ask.Query("version.bind", RecordType.Txt, dnsClass: 3), "Refused ? version.bind. Txt" },
        { "a zone transfer", Ask.Query("cluster.local", RecordType.Axfr), "Refused ? cluster.local. Axfr" },
        { "a question for OPT (RFC 6891 6.1.1)", Ask.Query("a", RecordType.Opt), "FormatError ? a. Opt" },
        { "a question for MAILB (obsolete)", Ask.Query("a", RecordType.MailB), "NotImplemented ? a. MailB" },
        { "no question", [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "FormatError" },
        { "two questions (RFC 9619)", With(Ask.Query("a"), 5, 2), "FormatError" },
        { "a question that ends early", Ask.Query("a")[..^1], "FormatError" },
        { "a name that points at itself", With(Ask.Query("a"), 12, 0xC0, 12), "FormatError" },
        { "a label type that was given up", With(Ask.Query("a"), 12, 0x41), "FormatError" },
        { "a record that ends early", Ask.Query("a", edns: 1232)[..^1], "FormatError ? a. A" },
        { "two OPT records (RFC 6891 6.1.1)", With([.. Ask.Query("a", edns: 1232), 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0], 11, 2), "FormatError ? a. A opt 1232" },
        { "an OPT with an owner", With([.. Ask.Query("a"), 1, 97, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0], 11, 1), "FormatError ? a. A" },
        { "a later version of EDNS (RFC 6891 6.1.3)", With(Ask.Query("a", edns: 1232), 12 + 7 + 6, 1), "NoError ? a. A opt 1232" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Parse_NoOrdinaryQuestion_IsRefusedByItsCode(string why, byte[] message, string expected)
    {
        var query = default(Query);
        Assert.Equal(QueryVerdict.Refuse, query.Parse(message));
        byte[] response = new byte[query.UdpSize];

        int length = ResponseWriter.WriteEmpty(query, message, query.Refusal, 0, response);

        // An opcode that is not QUERY is refused before its body is looked at.
        string seen = string.Join(' ', Ask.Lines(response.AsSpan(0, length)));
        Assert.True(expected == seen || (message[2] == 0x20 && seen == "NotImplemented"), $"{why}: {seen}");
        Assert.Equal(message[..2], response[..2]);
        Assert.Equal(message[2] & 0x78, response[2] & 0x78);
    }

    [Fact]
    public void Parse_LaterEdns_AnswersBadVersion()
    {
        byte[] message = With(Ask.Query("a", edns: 1232), 12 + 7 + 6, 1);
        var query = default(Query);
        query.Parse(message);
        byte[] response = new byte[512];
        int length = ResponseWriter.WriteEmpty(query, message, query.Refusal, 0, response);

        Assert.Equal(ResponseCode.BadVersion, query.Refusal);
        Assert.Equal([0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0], response[(length - 11)..length]);
    }

    [Fact]
    public void Parse_ShortOrResponse_IsDropped()
    {
        var query = default(Query);
        Assert.Equal(QueryVerdict.Drop, query.Parse([]));
        Assert.Equal(QueryVerdict.Drop, query.Parse(new byte[11]));
        Assert.Equal(QueryVerdict.Drop, query.Parse(Ask.Query("a", flags: HeaderFlags.Response)));
    }

    [Fact]
    public void Parse_LongestName_IsRead()
    {
        string name = string.Join('.', new string('a', 63), new string('b', 63), new string('c', 63), new string('d', 61));
        var query = default(Query);
        Assert.Equal(QueryVerdict.Answer, query.Parse(Ask.Query(name)));
        Assert.Equal(255, query.NameLength);
        Assert.Equal(QueryVerdict.Refuse, query.Parse(Ask.Query(name + "d")));
        Assert.Equal(QueryVerdict.Answer, query.Parse(Ask.Query(string.Join('.', Enumerable.Repeat("a", 127)))));
        Assert.Equal(127, query.LabelCount);
    }

    [Theory]
    [InlineData(null, 512)]
    [InlineData((ushort)0, 512)]
    [InlineData((ushort)600, 600)]
    [InlineData((ushort)65535, 1232)]
    public void Parse_EdnsSize_BoundsTheAnswer(ushort? edns, int size)
    {
        var query = default(Query);
        query.Parse(Ask.Query("a", edns: edns));
        Assert.Equal(size, query.UdpSize);
    }

    [Fact]
    public void Respond_AnyBytes_NeverThrowsAndFits()
    {
        byte[] seed = Ask.Query("_http._tcp.pets.default.svc.cluster.local", RecordType.Srv, edns: 1232);
        var responder = new ZoneResponder();
        Gen.Select(Gen.Int[0, seed.Length - 1], Gen.Byte).List[0, 8].Select(Gen.Int[0, seed.Length]).Sample((changes, length) =>
        {
            byte[] message = [.. seed];
            foreach ((int at, byte value) in changes)
            {
                message[at] = value;
            }
            Respond(responder, message.AsSpan(0, length));
        }, iter: 100_000);
        Gen.Byte.Array[0, 600].Sample(bytes => Respond(responder, bytes), iter: 100_000);
    }

    private static void Respond(ZoneResponder responder, ReadOnlySpan<byte> message)
    {
        var query = default(Query);
        QueryVerdict verdict = query.Parse(message);
        byte[] response = new byte[query.UdpSize];
        int length = verdict switch
        {
            QueryVerdict.Drop => 0,
            QueryVerdict.Refuse => ResponseWriter.WriteEmpty(query, message, query.Refusal, 0, response),
            _ => responder.Respond(query, message, ZoneCluster.Zone, response, out _),
        };
        Ask.TryRead(response.AsSpan(0, length));
    }

    private static byte[] With(byte[] message, int at, params byte[] bytes)
    {
        bytes.CopyTo(message, at);
        return message;
    }
}
