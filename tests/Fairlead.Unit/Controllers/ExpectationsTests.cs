using Fairlead.Controllers.Replicas;
using Fairlead.Kube;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class ExpectationsTests
{
    private static readonly ObjectKey Owner = new("default", "kubia");

    [Fact]
    public void AreMet_UntilEveryCreatedPodIsSeen_IsFalse()
    {
        var expectations = new Expectations(new FakeTimeProvider());
        expectations.ExpectCreation(Owner, "a");
        expectations.ExpectCreation(Owner, "b");
        expectations.CreationSeen(Owner, "a");
        Assert.False(expectations.AreMet(Owner));
        expectations.CreationSeen(Owner, "b");
        Assert.True(expectations.AreMet(Owner));
    }

    [Fact]
    public void AreMet_SeenTwiceOrUnexpected_CountsOnce()
    {
        var expectations = new Expectations(new FakeTimeProvider());
        expectations.ExpectDeletion(Owner, "a");
        expectations.ExpectDeletion(Owner, "b");
        expectations.DeletionSeen(Owner, "a");
        expectations.DeletionSeen(Owner, "a");
        expectations.DeletionSeen(Owner, "x");
        Assert.False(expectations.AreMet(Owner));
    }

    [Fact]
    public void AreMet_AfterFiveMinutes_GivesUpWaiting()
    {
        var time = new FakeTimeProvider();
        var expectations = new Expectations(time);
        expectations.ExpectCreation(Owner, "lost");
        time.Advance(TimeSpan.FromMinutes(4));
        Assert.False(expectations.AreMet(Owner));
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.True(expectations.AreMet(Owner));
    }
}
