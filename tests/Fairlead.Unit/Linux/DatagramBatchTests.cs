using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Sockets;
using Xunit;

namespace Fairlead.Unit.Linux;

public sealed class DatagramBatchTests
{
    [Theory]
    [InlineData("127.0.0.3", "127.0.0.3")]
    [InlineData("0.0.0.0", "127.0.0.3")]
    [InlineData("::1", "::1")]
    [InlineData("::", "::1")]
    public async Task Receive_SeveralDatagrams_AreAnsweredFromTheAddressThatWasAsked(string bound, string asked)
    {
        IPAddress address = IPAddress.Parse(bound);
        using var server = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(new IPEndPoint(address, 0));
        using var batch = new DatagramBatch(server, 4, 64, 64, fromAskedAddress: address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
        using var client = new UdpClient(new IPEndPoint(IPAddress.Parse(asked), 0));
        // Connected: an answer from elsewhere would not be seen.
        client.Connect(new IPEndPoint(IPAddress.Parse(asked), ((IPEndPoint)server.LocalEndPoint!).Port));
        for (byte i = 1; i <= 3; i++)
        {
            client.Send([i, 0]);
        }

        DatagramSource? later = null;
        for (int seen = 0; seen < 3;)
        {
            int count = batch.Receive();
            for (int i = 0; i < count; i++, seen++)
            {
                batch.Received(i).CopyTo(batch.Answer(i));
                batch.Answer(i)[1] = 9;
                batch.Queue(i, batch.Received(i).Length);
                later = batch.Source(i);
            }
            batch.Flush();
        }
        Assert.True(DatagramBatch.Send(server, later!, [4, 9]));

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        for (byte i = 1; i <= 4; i++)
        {
            Assert.Equal([i, 9], (await client.ReceiveAsync(patience.Token)).Buffer);
        }
    }

    [Fact]
    public void Receive_ManyRounds_AllocatesNothing()
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var batch = new DatagramBatch(server, 4, 64, 64, fromAskedAddress: false);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Connect(server.LocalEndPoint!);
        byte[] datagram = [1];
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Round();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            client.Send(datagram, SocketFlags.None);
            for (int i = batch.Receive() - 1; i >= 0; i--)
            {
                batch.Queue(i, 1);
            }
            batch.Flush();
            client.Receive(datagram);
        }
    }
}
