using Fairlead.ApiServer.HTTP.Limits;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP.Limits;

public sealed class FairSeatsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly FakeTimeProvider _time = new();

    /// <summary>How many seats each of so many users gets who all want as many as there are.</summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 2)]
    [InlineData(200, 1, 160)]
    [InlineData(200, 2, 90)]
    [InlineData(400, 1, 320)]
    [InlineData(0, 1, 500)]
    public void Take_UsersWhoWantAll_GetTheirShare(int seats, int users, int each)
    {
        var room = new FairSeats(seats, _time);
        var taken = new int[users];
        for (var round = 0; round < Math.Max(seats, 500); round++)
        {
            for (var user = 0; user < users; user++)
            {
                var answer = room.TakeAsync($"user{user}", Cancel).AsTask();
                if (answer is { IsCompleted: true, Result: SeatAnswer.Taken }) taken[user]++;
            }
        }

        // Two who take turns do not end up with exactly the same.
        Assert.All(taken, count => Assert.InRange(count, each - 2, each + 2));
    }

    [Fact]
    public async Task Take_WhileANoisyUserFillsHisQueue_QuietUserIsSeatedAtOnce()
    {
        var room = new FairSeats(10, _time);
        var noisy = Enumerable.Range(0, 8 + FairSeats.LongestQueue).Select(_ => room.TakeAsync("noisy", Cancel).AsTask()).ToList();

        Assert.Equal(SeatAnswer.QueueFull, await room.TakeAsync("noisy", Cancel));
        Assert.Equal(8, noisy.Count(task => task.IsCompleted));
        Assert.Equal(SeatAnswer.Taken, await room.TakeAsync("quiet", Cancel));
    }

    [Fact]
    public async Task Return_SeveralWait_GoesToWhoHoldsFewest()
    {
        var room = new FairSeats(1, _time);
        Assert.Equal(SeatAnswer.Taken, await room.TakeAsync("noisy", Cancel));
        var noisy = Enumerable.Range(0, 50).Select(_ => room.TakeAsync("noisy", Cancel).AsTask()).ToList();
        var quiet = room.TakeAsync("quiet", Cancel).AsTask();

        room.Return("noisy");
        // Both hold none now; the noisy one has waited longer, and then it is the other's turn.
        Assert.Equal(SeatAnswer.Taken, await noisy[0]);
        room.Return("noisy");

        Assert.Equal(SeatAnswer.Taken, await quiet);
        Assert.False(noisy[1].IsCompleted);
    }

    [Fact]
    public async Task Take_NoneComesFree_IsToldAfterAWhile_AndLeavesTheQueue()
    {
        var room = new FairSeats(1, _time);
        await room.TakeAsync("a", Cancel);
        var waiting = room.TakeAsync("b", Cancel).AsTask();
        Assert.Equal(1, room.Queued);

        _time.Advance(FairSeats.Patience);

        Assert.Equal(SeatAnswer.TimeOut, await waiting);
        Assert.Equal(0, room.Queued);
        room.Return("a");
        Assert.Equal(SeatAnswer.Taken, await room.TakeAsync("c", Cancel));
    }

    [Fact]
    public async Task Take_ClientLeavesWhileItWaits_ItsSeatIsNotLost()
    {
        var room = new FairSeats(1, _time);
        await room.TakeAsync("a", Cancel);
        using var gone = new CancellationTokenSource();
        var waiting = room.TakeAsync("b", gone.Token).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        room.Return("a");

        Assert.Equal(SeatAnswer.Taken, await room.TakeAsync("c", Cancel));
    }

    [Fact]
    public async Task Seats_ManyUsersAtOnce_AreNeverMoreThanThereAre_AndAllComeBack()
    {
        const int Seats = 7;
        var room = new FairSeats(Seats, TimeProvider.System);
        var (inside, most) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(worker => Task.Run(
            async () =>
            {
                for (var i = 0; i < 200; i++)
                {
                    var user = $"user{worker % 5}";
                    Assert.Equal(SeatAnswer.Taken, await room.TakeAsync(user, Cancel));
                    var now = Interlocked.Increment(ref inside);
                    InterlockedMax(ref most, now);
                    await Task.Yield();
                    Interlocked.Decrement(ref inside);
                    room.Return(user);
                }
            }, Cancel)));

        Assert.InRange(most, 1, Seats);
        Assert.Equal(0, room.Queued);
        for (var i = 0; i < Seats; i++) Assert.Equal(SeatAnswer.Taken, await room.TakeAsync($"last{i}", Cancel));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); seen < value; seen = Volatile.Read(ref target)) Interlocked.CompareExchange(ref target, value, seen);
    }
}
