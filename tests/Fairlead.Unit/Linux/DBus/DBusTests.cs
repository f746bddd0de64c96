using System.Diagnostics;
using System.Net.Sockets;
using Fairlead.Linux.DBus;
using Fairlead.Unit.Fuzz;
using Xunit;

namespace Fairlead.Unit.Linux.DBus;

/// <summary>The client of a bus, with Debian's dbus-daemon on the other side, and the reader of messages with whatever may come.</summary>
public sealed class DBusTests
{
    private const string Bus = "org.freedesktop.DBus", Path = "/org/freedesktop/DBus";

    private static CancellationToken Deadline => new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token;

    [Theory]
    [InlineData("unix:path=/run/a%20b,guid=12", "/run/a b")]
    [InlineData("tcp:host=h;unix:guid=1,path=/x", "/x")]
    [InlineData("unix:abstract=name", "@name")]
    public void Address_OfAUnixSocket_IsFound(string address, string expected) => Assert.Equal(expected, DBusAddress.Parse(address).ToString());

    [Fact]
    public void Address_OfAnother_IsRefused() => Assert.Throws<DBusException>(() => DBusAddress.Parse("tcp:host=h,port=1"));

    [Fact]
    public async Task Calls_ToARealBus_AnswerOrSayWhyNot()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-bus-");
        using Process daemon = Process.Start(new ProcessStartInfo("dbus-daemon", ["--session", "--nofork", "--nopidfile", "--print-address", $"--address=unix:path={folder}/bus"]) { RedirectStandardOutput = true })!;
        try
        {
            UnixDomainSocketEndPoint address = DBusAddress.Parse((await daemon.StandardOutput.ReadLineAsync(Deadline))!);
            using DBusConnection client = await DBusConnection.OpenAsync(address, Deadline);
            await client.SubscribeAsync("type='signal',member='NameOwnerChanged'", Deadline);
            DBusMessage names = await client.CallAsync(Bus, Path, Bus, "RequestName", new DBusBody().Add("com.example.Test").Add(4u), Deadline);
            Assert.Equal(1u, new DBusReader(names.Body.Span).ReadUInt32());
            DBusException refused = await Assert.ThrowsAsync<DBusException>(() => client.CallAsync("com.example.Nobody", "/", "com.example.I", "Do", null, Deadline));
            Assert.Contains("ServiceUnknown", refused.Message, StringComparison.Ordinal);
            DBusMessage signal = await client.Signals.ReadAsync(Deadline);
            while (signal.Member != "NameOwnerChanged" || new DBusReader(signal.Body.Span).ReadString() != "com.example.Test")
            {
                signal = await client.Signals.ReadAsync(Deadline);
            }
            Assert.Equal("sss", signal.Signature);

            daemon.Kill();
            await Assert.ThrowsAsync<DBusException>(async () =>
            {
                await foreach (DBusMessage late in client.Signals.ReadAllAsync(Deadline))
                {
                    Assert.Equal(DBusMessageType.Signal, late.Type);
                }
            });
            await Assert.ThrowsAnyAsync<Exception>(() => client.CallAsync(Bus, Path, Bus, "GetId", null, Deadline));
        }
        finally
        {
            daemon.Kill();
            await daemon.WaitForExitAsync(Deadline);
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Message_WrittenAndRead_IsTheSame()
    {
        var call = new DBusMessage { Type = DBusMessageType.Call, Serial = 7, Path = "/a/b", Interface = "a.b", Member = "Do", Destination = "c.d" };
        byte[] bytes = call.Write(new DBusBody().Add("word").Add(5u).Add(-1));
        Assert.Equal(bytes.Length, DBusMessage.Measure(bytes));
        DBusMessage read = DBusMessage.Parse(bytes);
        Assert.Equal(("/a/b", "a.b", "Do", "c.d", "sui", 7u), (read.Path, read.Interface, read.Member, read.Destination, read.Signature, read.Serial));
        var body = new DBusReader(read.Body.Span);
        Assert.Equal(("word", 5u, uint.MaxValue), (body.ReadString(), body.ReadUInt32(), body.ReadUInt32()));
    }

    /// <summary>Whatever comes is a message, not yet one, or refused with the one exception that ends the connection.</summary>
    [Fact]
    public void Messages_Changed_AreReadOrRefused()
    {
        byte[][] seeds =
        [
            new DBusMessage { Type = DBusMessageType.Call, Serial = 1, Path = "/a", Interface = "a.b", Member = "M", Destination = "c.d" }.Write(new DBusBody().Add("text").Add(1u)),
            new DBusMessage { Type = DBusMessageType.Signal, Serial = 2, Path = "/org/freedesktop/login1", Interface = "org.freedesktop.login1.Manager", Member = "PrepareForShutdown" }.Write(null),
        ];
        FuzzRun.Search(20_000, new ByteChanges(seeds).Next, Read, input => FuzzRun.Keep(input, "bin"));

        static void Read(byte[] input)
        {
            try
            {
                if (DBusMessage.Measure(input) is > 0 and var length && length <= input.Length)
                {
                    DBusMessage.Parse(input.AsSpan(0, length));
                }
            }
            catch (DBusException)
            {
                // Refused.
            }
        }
    }
}
